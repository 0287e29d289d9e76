"""What people and machines see of a sweep. Renders records it is handed; decides nothing and reads no store."""
