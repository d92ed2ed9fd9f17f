"""A running function looked at from outside: is it fit to serve, do two agree, what does a load need. Not deployed."""
