"""Nothing here is seen by Python."""
