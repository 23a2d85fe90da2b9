"""Signed task updates: fetch, prove and activate packs while an engine keeps answering. Needs the extra `update`."""
