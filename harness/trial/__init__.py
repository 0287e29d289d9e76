"""The trial process: the folder protocol both sides share, and the child that trains and generates."""
