"""The trainer on the GPUs of this machine, measured by one command that needs no network and no installation."""
