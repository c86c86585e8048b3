"""``python -m ctabatch`` is the same as ``ctabatch``."""

from ctabatch.cli.main import run

if __name__ == "__main__":
    run()
