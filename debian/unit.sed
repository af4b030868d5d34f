# The unit of kamailio/, as the package installs it.
/^# Install as/d
s,^Documentation=.*,Documentation=man:app-mono-serve(1),
s,/usr/local/bin/app-mono,/usr/bin/app-mono,
/^# Kamailio's processes connect/,/^User=/c\
# Root starts workers as the worker_user of app-mono.toml, and lets its socket_owner connect (docs/security.md).\
User=root
