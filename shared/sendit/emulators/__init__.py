"""The whole cloud on this machine: emulators, functions, and what holds them together."""
