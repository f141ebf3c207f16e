"""`servers`: our servers beside others, the same model behind each."""
