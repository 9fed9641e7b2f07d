"""The leaflet for patients, in English and Spanish."""
