"""sim_telarray files: objects, descriptions, events."""
