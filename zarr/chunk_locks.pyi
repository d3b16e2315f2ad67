# The right to update a chunk. For compiled modules only.
