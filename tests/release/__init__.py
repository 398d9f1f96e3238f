"""The script that prepares releases (tools/release.py), and the distributions that it builds."""
