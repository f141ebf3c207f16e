"""The process group, the rendezvous of its ranks, their signals, and the launcher."""
