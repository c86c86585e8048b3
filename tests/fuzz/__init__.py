"""Fuzz targets: inputs that nobody would write, of which none may crash, hang or eat memory."""
