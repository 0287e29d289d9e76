"""Oracle suites: from what a data set asserts to an ordinary pytest file, and the tests a model is trained to write."""
