"""Arrow schemas of all tables: one file per table, each column with unit, description and source."""
