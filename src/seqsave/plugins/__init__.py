"""Plugins: the hooks they implement, how they are loaded, and the registry of what they add."""
