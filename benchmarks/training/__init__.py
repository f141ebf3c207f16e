"""What our trainer costs beside others, at several sizes, and when it saves or loses a process."""
