"""``KSR`` for C#: which functions Kamailio exports to scripting languages, and the C# that calls them."""
