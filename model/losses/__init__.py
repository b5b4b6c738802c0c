"""What training minimises: a base loss and a gradient term."""
