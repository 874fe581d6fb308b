"""Runs the stack's own programs on this machine, for tests that take nothing but the real thing."""
