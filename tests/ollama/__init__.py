"""The real Ollama, as its container's user on a read-only root, behind the real Caddy."""
