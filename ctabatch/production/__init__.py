"""Many inputs as independent tasks: plan them, run them anywhere, finalise."""
