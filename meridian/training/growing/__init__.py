"""Growing trees: recipes, their search, and the engines that grow them, in this process or on a cluster."""
