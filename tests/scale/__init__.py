"""The real n8n in queue mode: a host and its workers, each in a network namespace of its own."""
