"""From a run folder to a bundle. The only part of serving that imports training, to rebuild the network."""
