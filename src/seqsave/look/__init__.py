"""Look at sequences wherever they lie: in a browser, as one picture, as one page."""
