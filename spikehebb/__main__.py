"""``python -m spikehebb``: the command line."""

from spikehebb.cli import app

if __name__ == "__main__":
    app()
