"""The routes, one purpose a module. Who may call is told from outside, so that they fit into any application."""
