"""Long tests, outside CI: `make lab`."""
