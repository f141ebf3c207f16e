"""`report`: one HTML file of what runs, bundles and results say."""
