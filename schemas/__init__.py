"""Arrow schemas of all tables, one file each; every column has unit, description and source."""
