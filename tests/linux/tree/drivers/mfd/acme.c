// SPDX-License-Identifier: MIT
static const struct mfd_cell acme_cells[] = {
	{ .name = "acme-pwm", .of_compatible = "acme,cell-pwm" },
	MFD_CELL_OF("acme-rtc", NULL, NULL, 0, 0, "acme,cell-rtc"),
	MFD_CELL_NAME("acme-key"),
};

static int acme_mfd_probe(struct i2c_client *client)
{
	return devm_mfd_add_devices(&client->dev, -1, acme_cells, ARRAY_SIZE(acme_cells), NULL, 0, NULL);
}

static const struct of_device_id acme_mfd_match[] = {
	{ .compatible = "acme,mfd" },
	{ }
};

static struct i2c_driver acme_mfd_driver = {
	.driver = { .name = "acme-mfd", .of_match_table = acme_mfd_match, .suppress_bind_attrs = true, },
	.probe_new = acme_mfd_probe,
};
