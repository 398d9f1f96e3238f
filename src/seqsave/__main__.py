"""Run the command as ``python -m seqsave``."""

from seqsave.cli import main

if __name__ == "__main__":
    main()
