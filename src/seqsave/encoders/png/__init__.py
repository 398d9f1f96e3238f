"""The PNG encoder and decoder."""
