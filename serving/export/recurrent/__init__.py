"""Recurrent networks of torch's, through the export at any length."""
