// SPDX-License-Identifier: MIT
// On an I2C bus clock-frequency is the bus's own, and does not stand for a clock.
static int acme_bus_probe(struct platform_device *pdev)
{
	return PTR_ERR_OR_ZERO(devm_clk_get(&pdev->dev, NULL));
}

static const struct of_device_id acme_bus_match[] = { { .compatible = "acme,i2c-bus" }, { } };
static struct platform_driver acme_bus_driver = { .probe = acme_bus_probe, .driver = { .of_match_table = acme_bus_match } };
