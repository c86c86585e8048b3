"""Models learned from tables: training, prediction and how good they are."""
