"""Speed and memory, each row against its bound; `make bench` prints the table."""
