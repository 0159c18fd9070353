"""Regions by SAM and its relatives: whole images, points, boxes, strokes and painted areas."""
