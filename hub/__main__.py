"""``python -m hub``, for where the script is not on the path."""

from hub.cli import main

if __name__ == "__main__":
    main()
