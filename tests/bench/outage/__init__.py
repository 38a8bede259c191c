"""Sources that fail, one after the other and all together, under a steady load of real applications."""
