"""What a stack would be, and what a change of it would do: without engine, account or network."""
