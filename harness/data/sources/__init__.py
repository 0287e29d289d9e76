"""Where records come from: containers of rows, the layouts they are read by, and the names of sources."""
