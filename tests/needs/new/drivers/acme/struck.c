// SPDX-License-Identifier: MIT
// What the board of the test contradicts: a property, and a name only.
static int acme_struck_probe(struct i2c_client *client)
{
	struct device *dev = &client->dev;
	struct clk *clk = devm_clk_get(dev, "named");
	struct gpio_desc *gpio;

	if (IS_ERR(clk))
		return PTR_ERR(clk);
	clk = devm_clk_get(dev, "kept");
	if (IS_ERR(clk))
		return PTR_ERR(clk);
	gpio = devm_gpiod_get(dev, "enable", GPIOD_OUT_LOW);
	if (IS_ERR(gpio))
		return PTR_ERR(gpio);
	gpio = devm_gpiod_get(dev, "reset", GPIOD_OUT_LOW);
	if (IS_ERR(gpio))
		return PTR_ERR(gpio);
	return 0;
}

static const struct of_device_id acme_struck_match[] = {
	{ .compatible = "acme,struck" },
	{ .compatible = "acme,struck-too" },
	{ }
};
static struct i2c_driver acme_struck_driver = {
	.probe = acme_struck_probe,
	.driver = { .name = "acme-struck", .of_match_table = acme_struck_match },
};
