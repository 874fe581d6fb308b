"""The Pulumi CLI: finds it, builds it where there is none, and runs it."""
