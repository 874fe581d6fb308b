"""The real n8n, behind the real Caddy, on a real PostgreSQL. Run by `make test-n8n`."""
