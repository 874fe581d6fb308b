"""Nodes of workflows, as n8n's API takes them."""

from typing import Any


def wait_node(seconds: float) -> dict[str, Any]:
    """Keeps an execution running for that long."""
    return {
        "name": "Wait",
        "type": "n8n-nodes-base.wait",
        "typeVersion": 1.1,
        "webhookId": "wait",
        "parameters": {"amount": seconds},
    }


def waiting_for_a_call() -> tuple[dict[str, Any], ...]:
    """Nodes whose execution waits until its address is called."""
    address = {**set_node('={"resume": "{{ $execution.resumeUrl }}"}'), "name": "Address"}
    return (address, {**wait_node(0), "parameters": {"resume": "webhook"}})


def http_node(url: str) -> dict[str, Any]:
    """Requests this address."""
    return {
        "name": "Request",
        "type": "n8n-nodes-base.httpRequest",
        "typeVersion": 4.2,
        "parameters": {"url": url, "options": {}},
    }


def set_node(output: str) -> dict[str, Any]:
    """Its output is this JSON, an expression of n8n."""
    return {
        "name": "Set",
        "type": "n8n-nodes-base.set",
        "typeVersion": 3.4,
        "parameters": {"mode": "raw", "jsonOutput": output, "options": {}},
    }
