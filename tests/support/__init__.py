"""What several tests share: a small contract made by hand, and a tape to write traces on."""
