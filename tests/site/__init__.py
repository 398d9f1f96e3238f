"""The documentation as a site: tox env docs builds it, and these tests look at it."""
