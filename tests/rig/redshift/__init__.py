"""A stand-in for the Redshift Data API: its protocol in front of PostgreSQL, with Redshift's rules where they differ.

It is for tests, and knows only what its tables say (`dialect.py`, `copying.py`, `values.py`): the rest is an error, so
that nothing passes here unseen. `../README.md` says what it cannot show.
"""
