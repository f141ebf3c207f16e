"""What the trainer does on the GPUs of this machine, in one command that needs no network and no installation."""
