// SPDX-License-Identifier: MIT
static void __init acme_clk_init(struct device_node *np)
{
}
CLK_OF_DECLARE(acme_clk, "acme,clk", acme_clk_init);
CLK_OF_DECLARE_DRIVER(acme_clk_later,
		      "acme,clk-later", acme_clk_init);

#define acme_bus_clk(id)				\
CLK_OF_DECLARE(acme_bus##id,				\
	       "acme,clk-bus"#id, acme_clk_init)

acme_bus_clk(0);
acme_bus_clk(1);
