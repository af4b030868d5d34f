"""The languages of sources that become assemblies, and the compilers that come with no distribution of mono."""
