// SPDX-License-Identifier: MIT
// What is asked hangs on the match data: a flag, a function, names, an element of a table.
struct acme_data {
	bool has_reset;
	int (*init)(struct acme *acme);
	const char *clk_name;
};

static int acme_big_init(struct acme *acme)
{
	acme->phy = devm_phy_get(acme->dev, "big");
	return PTR_ERR_OR_ZERO(acme->phy);
}

static const struct acme_data acme_small_data = {
	.clk_name = "small",
};

static const struct acme_data acme_big_data = {
	.has_reset = true,
	.init = acme_big_init,
	.clk_name = "big",
};

static const struct acme_data acme_list[] = {
	[ACME_FIRST] = { .clk_name = "first" },
	[ACME_SECOND] = { .has_reset = true, .clk_name = "second" },
};

static int acme_data_probe(struct platform_device *pdev)
{
	const struct acme_data *data = of_device_get_match_data(&pdev->dev);
	struct acme *acme;
	int ret;

	acme->clk = devm_clk_get_enabled(&pdev->dev, data->clk_name);
	if (IS_ERR(acme->clk))
		return PTR_ERR(acme->clk);
	if (data->has_reset) {
		acme->reset = devm_reset_control_get(&pdev->dev, NULL);
		if (IS_ERR(acme->reset))
			return PTR_ERR(acme->reset);
	}
	if (data->init) {
		ret = data->init(acme);
		if (ret)
			return ret;
	}
	return acme_shared_setup(pdev, "shared");
}

static const struct of_device_id acme_data_match[] = {
	{ .compatible = "acme,small", .data = &acme_small_data },
	{ .compatible = "acme,big", .data = &acme_big_data },
	{ .compatible = "acme,first", .data = &acme_list[ACME_FIRST] },
	{ .compatible = "acme,second", .data = &acme_list[ACME_SECOND] },
	{ }
};

static struct platform_driver acme_data_driver = {
	.probe = acme_data_probe,
	.driver = { .name = "acme-data", .of_match_table = acme_data_match },
};
